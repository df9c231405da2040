"""The registry's doors over HTTP, one file a noun. They read requests and shape answers; deeds are one floor below."""

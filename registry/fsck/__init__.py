"""fsck: the operator looks at its own store. All is made anew from stored rows and compared; nothing is written."""

"""The public record: three contracts, their compiled artifacts, and a thin loader. No personal data, ever."""

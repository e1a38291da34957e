"""Reference implementations of the part "DeepSeek innovations", one module a chapter."""

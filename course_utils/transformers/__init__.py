"""Reference implementations of the part "Transformers and large language models", one module a chapter."""

"""The engine that runs models in this process, behind TransformerLens. `engine.open_local` is the way in."""

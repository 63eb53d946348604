"""The graph autoencoder: its frozen spec, its artifact, and the torch module that defines it."""

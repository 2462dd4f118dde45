"""Pictures as decoders give them and encoders take them: luma, and chroma of half the size."""

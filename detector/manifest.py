"""What an exported model promises: the manifest that lies beside it."""

"""What an operator would write down: detection, storage, clips, snapshots and delivery."""

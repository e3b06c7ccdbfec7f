"""What several tests share: data, backends, drivers of processes, and checks."""

"""The sandbox service: code runs here, away from everything else. It knows nothing of lra."""

"""What runs on a simulated VM: prefork workers that hold connections to a store. It needs nothing of this repository
but this directory."""

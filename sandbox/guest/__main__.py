"""Start the guest: `python3 -I FOLDER [--listen PATH | --listen-fd N | --stdio]`."""

import importlib
import os
import sys

# The folder is run as a program, so that it works wherever it was copied to and under any name.
folder = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.dirname(folder)
supervisor = importlib.import_module(os.path.basename(folder) + ".supervisor")
sys.path.pop(0)
supervisor.main(sys.argv[1:])

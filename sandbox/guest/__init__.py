"""What runs inside a sandbox: stdlib only, one protocol for every provider.

`supervisor` is the first process and the only one that talks to the owner; `zygote` is a warmed interpreter that
kernels are forked from; `kernel` runs the user's cells. User code never holds the owner's connection.
"""

"""Tools that the model or the person wrote: read here, run nowhere but in a sandbox."""

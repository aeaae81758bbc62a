"""Devices that send by themselves: who they are, what their messages say, what becomes of them. A client of the hub."""

"""Reading XML, which several adapters do: a safe stream of elements, and the geometries of GML and KML."""

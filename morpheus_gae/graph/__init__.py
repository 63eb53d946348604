"""The window as a graph: host ids, pair ids, address octets, neighbour averages. Arrays in, arrays out."""

"""What is exact in two dimensions: critical regions, tables and polygons of the backup law."""

"""What watches the graph: measurements, and in time the dashboard and RViz markers."""

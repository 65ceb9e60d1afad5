"""What watches the graph: measurements of its timing, the dashboard, shapes for RViz."""

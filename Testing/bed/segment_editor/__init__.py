"""The embedded Segment Editor: Slicer's vtkSlicerSegmentEditorLogic with widgets and three effects."""

"""The comparison: configurations x data sets x label counts x seeds, and the page that shows the outcome."""

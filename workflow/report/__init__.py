"""The report: one page that opens anywhere, with pictures to scale. Pure; knows incidents alone."""

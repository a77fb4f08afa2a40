"""What an operations team is given: compose file, image, chart, dashboards, runbooks."""

"""The lake on AWS as one CDK application, and what it costs."""

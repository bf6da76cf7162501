"""What is done with estimators: functions of specifications and a panel."""

"""The deploy drill: real traffic through nginx over a scratch instance while it deploys good and broken releases."""

"""The agent of the environment of drills: breaks the lab on purpose and brings its users, and takes both back by itself
once their time is over. It stands in the third place, outside of what it breaks."""

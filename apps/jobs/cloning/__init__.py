"""A job on another cluster or under another name: `differences` judges (pure), `facts` reads what it judges by."""

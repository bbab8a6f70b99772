"""Where does a model disagree with itself?"""

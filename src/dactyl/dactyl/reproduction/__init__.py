"""The paper's tables and figures, each made again by one command: experiments as data, and what runs them."""

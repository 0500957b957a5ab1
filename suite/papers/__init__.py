"""The papers: what they print, whether it adds up, and what our runs say of their claims."""

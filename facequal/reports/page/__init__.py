"""The page of `facequal report`: runs read from their folders, compared, and written as one HTML file."""

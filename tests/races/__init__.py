"""Many processes after the same times: nobody and nothing may ever be held twice."""

"""Where the tests are run from does not matter: what stands beside them is found."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

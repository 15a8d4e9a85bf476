"""Write the generated documents anew."""

from tools.docs import DOCUMENTS, ROOT

for name, render in DOCUMENTS.items():
    (ROOT / name).write_text(render())

"""Write the generated documents anew."""

from tools.docs import DOCUMENTS, FOLDER

for name, render in DOCUMENTS.items():
    (FOLDER / name).write_text(render())

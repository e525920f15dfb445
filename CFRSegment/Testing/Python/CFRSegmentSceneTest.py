"""Run by Slicer itself (ctest): what the module keeps in a scene comes back with it."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import numpy as np
import slicer


class CFRSegmentSceneTest(unittest.TestCase):
    """A cohort and its open case over saving, closing and loading a scene."""

    def setUp(self) -> None:
        """An empty scene, and a folder that goes at the end."""
        slicer.mrmlScene.Clear()
        folder = tempfile.TemporaryDirectory(prefix="CFRSegment", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_aSceneBringsBackCohortAndCase(self) -> None:
        """Folder and case are in the parameter node of the loaded scene, the nodes are found again."""
        from CFRSegment import CFRSegmentLogic
        from CFRSegmentLib.cohort import SegmentClass

        logic = CFRSegmentLogic()
        logic.session.setParameters(logic.getParameterNode())
        logic.createCohort(self.folder / "cohort", "Boxes", [SegmentClass(1, "box", (220, 60, 60))])
        case = logic.addVolume(slicer.util.addVolumeFromArray(np.ones((8, 9, 10), np.int16), name="one"))
        logic.openCase(case.id)
        file = self.folder / "scene.mrb"
        self.assertTrue(slicer.util.saveScene(str(file)))
        logic.session.case.forget()
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(str(file))
        parameters = logic.getParameterNode()
        self.assertEqual(Path(parameters.cohortFolder), self.folder / "cohort")
        self.assertEqual(parameters.caseId, case.id)
        self.assertTrue(logic.session.case.reattach(case.id))
        self.assertFalse(logic.session.case.isModified)
        logic.session.cleanup()


if __name__ == "__main__":
    unittest.main()

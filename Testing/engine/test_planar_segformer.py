"""SegFormer as the 2D model: the published file's names and shapes, what is trained, and the head."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from CFRTrain.data.plan import Intensity, Plan
from CFRTrain.retraining.planar.segformer import B2, SegformerSizes, add_lora, build_segformer
from CFRTrain.retraining.planar.segformer_weights import load_published
from CFRTrain.retraining.retrainer import Retrainer
from CFRTrain.runs.checkpoints import weights_hash
from CFRTrain.runs.errors import ModelError
from CFRTrain.runs.job import MN, ClassSpec, Job
from CFRTrain.runs.run_folder import RunFolder
from CFRTrain.training.loop import train
from Testing.engine.cohort import Cohort

transformers = pytest.importorskip("transformers")

TINY = SegformerSizes(widths=(8, 16, 24, 32), depths=(1, 1, 2, 1), heads=(1, 2, 3, 4), decoder=16)
PLAN = Plan((1.0, 1.0, 1.0), (3, 40, 32), 0, Intensity("zscore", 0, 100), 0, (3, 40, 32))
# Some names of nvidia/segformer-b2-finetuned-ade-512-512, with their shapes there.
PUBLISHED = {
    "segformer.encoder.patch_embeddings.0.proj.weight": (64, 3, 7, 7),
    "segformer.encoder.block.0.0.attention.self.query.weight": (64, 64),
    "segformer.encoder.block.0.0.attention.self.sr.weight": (64, 64, 8, 8),
    "segformer.encoder.block.2.5.mlp.dwconv.dwconv.weight": (1280, 1, 3, 3),
    "segformer.encoder.block.3.2.mlp.dense2.weight": (512, 2048),
    "segformer.encoder.layer_norm.3.weight": (512,),
    "decode_head.linear_c.3.proj.weight": (768, 512),
    "decode_head.linear_fuse.weight": (768, 3072, 1, 1),
    "decode_head.batch_norm.running_mean": (768,),
    "decode_head.classifier.weight": (150, 768, 1, 1),
}


def job(**options: object) -> Job:
    classes = (ClassSpec(1, "left"), ClassSpec(2, "right"))
    return replace(Job(classes=classes), method="mn", mn=MN(model="segformer", **options))


def publish(folder: Path, sizes: SegformerSizes) -> Path:
    """A file as the authors published it: a model of the configuration, in the published names."""
    config = sizes.config()
    config.num_labels = 150
    torch.manual_seed(1)
    model = transformers.SegformerForSemanticSegmentation(config)
    model.decode_head.batch_norm.running_mean.normal_()
    model.save_pretrained(folder)
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("published"), TINY)


def build(folder: Path, seed: int = 0, **options: object):
    return build_segformer(job(**options), PLAN, folder, seed, sizes=TINY)


def test_b2_has_the_published_names_and_shapes_and_loads_from_them(tmp_path):
    path = publish(tmp_path, B2)
    state = load_file(path)
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    network = build_segformer(job(weights="model.safetensors"), PLAN, tmp_path, 0).module.network
    parameters = dict(network.segformer.named_parameters())
    classifier = 150 * 768 + 150
    base = sum(item.numel() for name, item in parameters.items() if ".lora_" not in name)
    assert base == 27_461_974 - classifier == sum(
        value.numel() for name, value in state.items()
        if "running" not in name and "tracked" not in name and "classifier" not in name
    )  # fmt: skip
    found = next(item for name, item in parameters.items() if name.endswith("layer_norm.weight"))
    assert found.requires_grad


def test_the_file_s_tensors_are_the_model_s_and_its_hash_is_recorded(published):
    made = build(published.parent, weights="model.safetensors")
    state = load_file(published)
    segformer = made.module.network.segformer
    fuse, mean = segformer.decode_head.linear_fuse.weight, segformer.decode_head.batch_norm.running_mean
    assert torch.equal(fuse, state["decode_head.linear_fuse.weight"])
    assert torch.equal(mean, state["decode_head.batch_norm.running_mean"])
    query = state["segformer.encoder.block.2.1.attention.self.query.weight"]
    same = [name for name, item in segformer.named_parameters() if item.shape == query.shape
            and torch.equal(item, query)]  # fmt: skip
    assert len(same) == 1 and "2." in same[0]
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    assert made.weights_sha256 == made.record()["weights_sha256"] == digest
    assert "published" in made.explanation and str(published.parent) not in str(made.record())


def test_a_folder_with_the_file_may_be_named(published):
    made = build(published.parent.parent, weights=published.parent.name)
    assert made.weights_sha256 == hashlib.sha256(published.read_bytes()).hexdigest()


def test_low_rank_updates_biases_norms_and_the_decoder_learn_and_nothing_else(published):
    network = build(published.parent, weights="model.safetensors", rank=2).module.network
    learns = {name: item for name, item in network.named_parameters() if item.requires_grad}
    frozen = {name: item for name, item in network.named_parameters() if not item.requires_grad}
    adapted = {name.split(".lora_")[0] for name in learns if ".lora_A" in name}
    assert len(adapted) == 5 * (4 + 2)  # five blocks: q, k, v, output of attention; two layers of the MLP
    assert all(item.shape[0] == 2 for name, item in learns.items() if ".lora_A" in name)
    assert "segformer.decode_head.linear_fuse.weight" in learns and "head.weight" in learns
    assert frozen and all(item.ndim > 1 for item in frozen.values())
    norms = [name for name in learns if "norm" in name and name.endswith(".weight") and "decode" not in name]
    assert (
        len(norms) == 4 + 4 + 2 * 5 + 4
    )  # embeddings, stages, two per block, three reductions of four blocks


def test_before_the_first_step_the_updates_change_nothing(published):
    state = load_file(published)
    plain = load_published(TINY.config(), dict(state), "file").eval()
    adapted = load_published(TINY.config(), dict(state), "file")
    add_lora(adapted, rank=2)
    adapted.eval()
    for model in (plain, adapted):
        model.decode_head.classifier = torch.nn.Identity()
    image = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        assert torch.allclose(plain(image).logits, adapted(image).logits, atol=1e-6)


def test_the_head_reads_the_features_and_every_fourth_pixel(published):
    network = build(published.parent, weights="model.safetensors").module.network.eval()
    image = torch.randn(2, 1, 64, 32)
    with torch.no_grad():
        before = network(image)
        features = network.segformer(image.expand(-1, 3, -1, -1)).logits
        stacked = torch.cat([features, image[:, :, ::4, ::4]], dim=1)
        assert before.shape == (2, 3, 64, 32) and stacked.shape == (2, 17, 16, 8)
        assert torch.allclose(before, network.head(stacked), atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_patches_of_any_side_and_slicing_axis_become_logits(axis):
    made = build_segformer(job(), replace(PLAN, slicing_axis=axis), Path(), 0, sizes=TINY)
    patches = torch.randn(2, 1, 6, 40, 36)
    assert made.module.eval()(patches).shape == (2, 3, 6, 40, 36)
    slices = patches.movedim(2 + axis, 2)[:, :, 1:2].movedim(2, 2 + axis)
    whole = made.module(patches).movedim(2 + axis, 2)[:, :, 1]
    assert torch.allclose(made.module(slices).movedim(2 + axis, 2)[:, :, 0], whole, atol=1e-5)


def test_without_a_file_everything_learns_from_the_seed_s_weights():
    first, again, other = build(Path(), 1), build(Path(), 1), build(Path(), 2)
    assert weights_hash(first.module) == weights_hash(again.module) != weights_hash(other.module)
    assert all(item.requires_grad for item in first.module.parameters())
    assert first.weights_sha256 is None and "from scratch" in first.explanation


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: without(state, "decode_head.linear_fuse.weight"), "linear_fuse.weight is missing"),
        (lambda state: {**state, "extra.weight": torch.zeros(1)}, "extra.weight is unknown"),
        (lambda state: {**state, "decode_head.linear_fuse.weight": torch.zeros(3)}, "another shape"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_the_tensor_s_name(published, tmp_path, change, said):
    save_file(change(load_file(published)), tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match=said):
        build(tmp_path, weights="other.safetensors")


def test_files_that_are_absent_damaged_or_could_hold_code_are_refused(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        build(tmp_path, weights="model.safetensors")
    (tmp_path / "pytorch_model.bin").write_bytes(b"code")
    with pytest.raises(ModelError, match="not a safetensors file"):
        build(tmp_path, weights="pytorch_model.bin")
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match="cannot be read"):
        build(tmp_path, weights="model.safetensors")


def co_training(cohort: Cohort, run: Path, weights: Path) -> Retrainer:
    retrain = replace(cohort.job.retrain, steps=6, pairs=0.0)
    mn = MN(model="segformer", weights=str(weights), rank=2, transition=0.4, warmup=0.0, steps_per_turn=2)
    changed = replace(cohort.job, method="mn", mn=mn, retrain=retrain)
    small = replace(cohort.plan, patch_zyx=(8, 8, 8))
    models = {"segformer": partial(build_segformer, sizes=TINY)}
    arguments = (cohort.store, cohort.labeled, cohort.ids[1:], None, RunFolder(run))
    return Retrainer(changed, small, *arguments, planar_models=models)


def test_co_training_resumes_bit_by_bit_and_its_checkpoints_leave_frozen_weights_out(published, tmp_path):
    """LoRA's dropout, BatchNorm's statistics, and the file, which is read again."""
    cohort = Cohort(tmp_path, count=3)
    whole = co_training(cohort, tmp_path / "run", published)
    start = {name: item.clone() for name, item in whole.trainee.planar.module.named_parameters()}
    train(whole, whole.run, checkpoint_every=4, log_every=1)
    ended = whole.trainee.planar.module
    moved = {name for name, item in ended.named_parameters() if not torch.equal(item, start[name])}
    learns = {name for name, item in ended.named_parameters() if item.requires_grad}
    assert moved and moved <= learns
    folder = tmp_path / "run" / "checkpoints" / "retrain"
    kept = load_file(folder / "step-00000006" / "tensors.safetensors")
    planar = [name for name in kept if name.startswith("module.planar.")]
    assert len(planar) == len(learns) + len(list(ended.buffers()))
    shutil.rmtree(folder / "step-00000006")
    resumed = co_training(cohort, tmp_path / "run", published)
    train(resumed, resumed.run, checkpoint_every=4, log_every=1)
    assert weights_hash(resumed.trainee.planar.module) == weights_hash(ended)
    assert weights_hash(resumed.trainee.models.student) == weights_hash(whole.trainee.models.student)

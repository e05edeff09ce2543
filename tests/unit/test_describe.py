"""Built-in metadata: each measure against a plain definition, and what it is meant to tell."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from aggressors.errors import InputError
from aggressors.slicing.literals import OBSCURE
from aggressors.sources.fields import check_names, column, declared, settle
from aggressors.sources.pictures import MEASURED, Picture, read_picture
from aggressors.stages import describe as description
from aggressors.stages import describe_image, describe_row
from aggressors.stages.describe import MEASURES, describe, without
from aggressors.stages.measure import Measure, Measured

RNG = np.random.default_rng(0)
SMALL = RNG.integers(0, 256, (24, 40, 3)).astype(np.uint8)  # below the grid: nothing is thinned
WEIGHTS = np.array([0.299, 0.587, 0.114]) / 255
OVER_THE_RUN = {"near_duplicates", "rare_words", "text_duplicates"} | {
    entry.name for entry in describe_row.MEASURES
}


def measured(pixels, size=None):
    height, width = pixels.shape[:2]
    values = describe_image.measure([Picture(pixels, size or (width, height), b"")]).values
    return {name: float(value[0]) for name, value in values.items()}


def smooth(seed, side=64, level=128, sigma=4.0):
    noise = np.random.default_rng(seed).normal(size=(side, side))
    values = ndimage.gaussian_filter(noise, sigma)
    values = level + 40 * values / values.std()
    return np.repeat(values.clip(0, 255)[:, :, None], 3, axis=2).astype(np.uint8)


# --- Against plain definitions ---


def test_light_equals_its_definitions():
    luma = SMALL @ WEIGHTS
    laplacian = ndimage.convolve(luma, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]))[1:-1, 1:-1]
    immerkaer = ndimage.convolve(luma, np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]))[1:-1, 1:-1]
    rise, run = luma[2:, 1:-1] - luma[:-2, 1:-1], luma[1:-1, 2:] - luma[1:-1, :-2]
    counts = np.histogram(luma, bins=32, range=(0, 1))[0] / luma.size
    counts = counts[counts > 0]
    blocks = luma.reshape(3, 8, 5, 8).std(axis=(1, 3))
    found = measured(SMALL)
    assert found["brightness"] == pytest.approx(luma.mean(), rel=1e-4)
    assert found["contrast"] == pytest.approx(luma.std(), rel=1e-4)
    assert found["sharpness"] == pytest.approx(1_000 * laplacian.var(), rel=1e-4)
    noise = np.sqrt(np.pi / 2) * np.abs(immerkaer).mean() / 6
    assert found["noise"] == pytest.approx(noise, rel=1e-4)
    assert found["edge_density"] == pytest.approx((np.hypot(rise, run) / 2 > 0.1).mean(), rel=1e-4)
    assert found["texture_energy"] == pytest.approx(blocks.mean(), rel=1e-4)
    assert found["entropy"] == pytest.approx(-(counts * np.log2(counts)).sum(), rel=1e-3)


def test_colour_equals_its_definitions():
    red, green, blue = np.moveaxis(SMALL.astype(float), 2, 0)
    opponents = red - green, (red + green) / 2 - blue
    deviation = np.hypot(opponents[0].std(), opponents[1].std())
    mean = np.hypot(opponents[0].mean(), opponents[1].mean())
    brightest, darkest = SMALL.max(axis=2).astype(float), SMALL.min(axis=2)
    edge = np.ones(red.shape, dtype=bool)
    edge[1:-1, 1:-1] = False
    border = SMALL[edge].mean(axis=0)
    unlike = (np.abs(SMALL - border) >= 51).any(axis=2)
    found = measured(SMALL)
    assert found["colourfulness"] == pytest.approx(deviation + 0.3 * mean, rel=1e-4)
    saturation = ((brightest - darkest) / np.maximum(brightest, 1)).mean()
    assert found["saturation"] == pytest.approx(saturation, rel=1e-4)
    assert found["warmth"] == pytest.approx((red.mean() - blue.mean()) / 255, abs=1e-5)
    tint = (green.mean() - (red.mean() + blue.mean()) / 2) / 255
    assert found["tint"] == pytest.approx(tint, abs=1e-5)
    assert found["foreground"] == pytest.approx(unlike.mean(), abs=1e-5)
    assert found["border_brightness"] == pytest.approx(border.mean() / 255, rel=1e-4)
    assert found["border_warmth"] == pytest.approx((border[0] - border[2]) / 255, abs=1e-5)
    assert (found["width"], found["height"]) == (40, 24)
    assert found["aspect"] == pytest.approx(40 / 24)


@pytest.mark.parametrize("name", ["sharpness", "noise", "edge_density", "entropy", "saturation"])
def test_thinning_estimates_the_whole(name):
    whole = RNG.integers(0, 256, (200, 256, 3)).astype(np.uint8)
    pieces = [
        measured(whole[y : y + 20, x : x + 32])[name]
        for y in range(0, 200, 20)
        for x in range(0, 256, 32)
    ]
    assert measured(whole)[name] == pytest.approx(np.mean(pieces), rel=0.05)


# --- What they are meant to tell ---


def test_each_condition_moves_its_measure():
    for seed in range(5):
        plain = smooth(seed)
        noisy = plain + np.random.default_rng(seed).normal(0, 12, plain.shape[:2])[:, :, None]
        noisy = noisy.clip(0, 255).astype(np.uint8)
        blurred = ndimage.gaussian_filter(plain, (2, 2, 0))
        dusk = (plain * 0.3).astype(np.uint8)
        carpet = plain.copy()
        carpet[:8], carpet[-8:], carpet[:, :8], carpet[:, -8:] = [(200, 30, 30)] * 4
        base = measured(plain)
        assert measured(noisy)["noise"] == pytest.approx(12 / 255, rel=0.2)
        assert measured(blurred)["sharpness"] < base["sharpness"]
        assert measured(dusk)["brightness"] == pytest.approx(0.3 * base["brightness"], rel=0.05)
        assert measured(carpet)["border_warmth"] == pytest.approx(170 / 255, abs=0.01)
        assert base["border_warmth"] == 0
        assert measured(carpet)["colourfulness"] > base["colourfulness"] + 20


def test_an_object_on_a_plain_ground_is_its_share():
    pixels = np.full((60, 60, 3), 240, dtype=np.uint8)
    pixels[15:45, 15:45] = 20
    assert measured(pixels)["foreground"] == pytest.approx(0.25, abs=0.02)


def test_images_of_any_sizes_are_measured_alone():
    images = [smooth(1), SMALL, smooth(2), np.zeros((2, 9, 3), np.uint8), smooth(3, side=17)]
    pictures = [Picture(image, image.shape[1::-1], b"") for image in images]
    together = describe_image.measure(pictures).values
    for place, image in enumerate(images):
        for name, value in measured(image).items():
            np.testing.assert_allclose(together[name][place], value, rtol=1e-4, atol=1e-6)
    assert np.isnan(together["brightness"][3])
    assert together["width"][3] == 9


def test_extreme_images_have_finite_measures():
    for level in (0, 255):
        values = measured(np.full((16, 16, 3), level, np.uint8))
        assert all(np.isfinite(value) for value in values.values())
        assert values["brightness"] == pytest.approx(level / 255, abs=1e-6)
        assert values["entropy"] == values["contrast"] == values["saturation"] == 0
        assert values["symmetry"] == 1


def test_symmetry_is_the_share_that_the_mirror_image_has_too():
    left = RNG.integers(0, 256, (40, 20, 3)).astype(np.uint8)
    whole = np.hstack([left, left[:, ::-1]])
    assert measured(whole)["symmetry"] == pytest.approx(1, abs=1e-5)
    negative = np.hstack([left, 255 - left[:, ::-1]])
    assert measured(negative)["symmetry"] == pytest.approx(0, abs=1e-5)
    luma = SMALL @ WEIGHTS
    expected = (1 + np.corrcoef(luma.ravel(), luma[:, ::-1].ravel())[0, 1]) / 2
    assert measured(SMALL)["symmetry"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("side", [33, 64, 65, 96, 101, 224])
def test_thinning_keeps_mirrored_columns_together(side):
    half = np.random.default_rng(side).integers(0, 256, (side, side // 2, 3)).astype(np.uint8)
    middle = half[:, : side % 2]
    assert measured(np.hstack([half, middle, half[:, ::-1]]))["symmetry"] == pytest.approx(1)
    other = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    assert measured(other)["symmetry"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 2), (3, 3), (3, 900), (900, 3), (46, 47)])
def test_images_of_odd_shapes_have_finite_measures_or_none(shape):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3)).astype(np.uint8)
    values = measured(pixels)
    assert (values["height"], values["width"]) == shape
    rest = [value for name, value in values.items() if name not in ("height", "width", "aspect")]
    assert np.isfinite(rest).all() == (min(shape) >= 3)
    assert np.isnan(rest).all() == (min(shape) < 3)


# --- The stage ---


def test_every_measure_is_described_and_nothing_else_is_measured():
    picture = Picture(SMALL, (40, 24), b"")
    columns = describe([picture, None], [None, "two words"]).fields
    alone = [entry.name for entry in MEASURES if entry.name not in OVER_THE_RUN]
    assert list(columns) == alone
    assert columns["brightness"].to_pylist()[1] is None
    assert columns["words"].to_pylist() == [None, 2]
    assert columns["script"].to_pylist() == [None, "latin"]
    nothing = describe([None], [None])
    assert (nothing.fields, nothing.prints) == ({}, {})


def test_every_measure_is_documented_and_named_once():
    names = [entry.name for entry in MEASURES]
    assert len(set(names)) == len(names)
    assert all(entry.doc and name.islower() for entry, name in zip(MEASURES, names, strict=True))
    assert set(names) >= OBSCURE
    check_names(names, "The built-in fields")


def test_a_new_type_of_data_is_one_module(monkeypatch):
    """What reads another entry of the batch is measured and compared beside the rest."""

    class Initials:
        NAME = "initials"
        MEASURES = (Measure("initial", "", "first letter"),)

        def read(self, batch):
            return [text or None for text in batch.texts]

        def measure(self, items):
            first = np.array([item[0] for item in items], dtype=object)
            return Measured({"initial": first}, np.array([[ord(item[0])] for item in items]))

        def compare(self, whole):
            return {}

    monkeypatch.setattr(description, "TYPES", (Initials(),))
    found = describe([None] * 3, ["one", "", "two"])
    assert found.fields["initial"].to_pylist() == ["o", None, "t"]
    codes = found.prints["initials"].to_pylist()
    assert [code and np.frombuffer(code, np.uint16)[0] for code in codes] == [111, None, 116]


def test_the_users_field_wins_in_whatever_case():
    assert without({"symmetry": 1, "noise": 2}, ["Symmetry", "hour"]) == {"noise": 2}


def test_built_in_fields_that_do_not_vary_are_dropped_and_own_ones_kept():
    pictures = [Picture(smooth(seed), (64, 64), b"") for seed in range(3)]
    measured_columns = describe(pictures, [None] * 3).fields
    own = {"station": column("station", ["north"] * 3, ["a", "b", "c"])}
    import pyarrow as pa

    table = pa.table({**measured_columns, **own})
    fields = pa.concat_tables(
        [declared(measured_columns, "built-in", {"width": "px"}), declared(own, "integration", {})]
    )
    metadata, described = settle(table, fields)
    names = described["field"].to_pylist()
    assert metadata.column_names == names
    assert "brightness" in names
    assert not {"width", "height", "aspect"} & set(names)
    assert "station" in names


# --- Reading pictures ---


def encoded(pixels, kind="JPEG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def test_small_jpeg_and_png_are_their_own_thumbnail():
    for kind in ("JPEG", "PNG"):
        content = encoded(SMALL, kind)
        picture = read_picture(content, "a", 96)
        assert picture.thumbnail is content
        assert picture.pixels.shape == (24, 40, 3)
    np.testing.assert_array_equal(read_picture(encoded(SMALL, "PNG"), "a", 96).pixels, SMALL)


def test_other_formats_and_large_images_become_small_jpegs():
    large = np.repeat(np.repeat(smooth(0), 10, axis=0), 20, axis=1)  # 640 x 1280
    for content in (encoded(large), encoded(large, "WEBP"), Image.fromarray(large), large):
        picture = read_picture(content, "a", 96)
        assert picture.size == (1280, 640)
        assert picture.pixels.shape == (MEASURED // 2, MEASURED, 3)
        thumbnail = Image.open(io.BytesIO(picture.thumbnail))
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (96, 48))
        assert picture.pixels.mean() == pytest.approx(large.mean(), rel=0.02)


def test_thumbnails_may_be_larger_than_what_is_measured():
    picture = read_picture(np.zeros((600, 300, 3), np.uint8), "a", 512)
    assert Image.open(io.BytesIO(picture.thumbnail)).size == (256, 512)
    assert picture.pixels.shape == (256, 128, 3)


def test_grey_alpha_palette_and_deep_images_become_rgb():
    grey = SMALL[:, :, 0]
    rgba = np.dstack([SMALL, np.full(grey.shape, 255, np.uint8)])
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    for image in (
        grey,
        grey[:, :, None],
        Image.fromarray(rgba),
        deep,
        Image.fromarray(grey).convert("P"),
    ):
        assert read_picture(image, "a", 96).pixels.shape == (24, 40, 3)
    np.testing.assert_allclose(read_picture(deep, "a", 96).pixels[:, :, 1], grey, atol=1)


def test_a_turned_photograph_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to show
    large = np.zeros((200, 400, 3), np.uint8)
    picture = read_picture(encoded(large, exif=exif), "a", 96)
    assert Image.open(io.BytesIO(picture.thumbnail)).size == (48, 96)


@pytest.mark.parametrize(
    "content", [b"", b"no image", encoded(smooth(0), "PNG")[:300], encoded(smooth(0))[:400]]
)
def test_bytes_that_are_no_image_name_the_sample(content):
    with pytest.raises(
        InputError, match=rf"image of sample 'a' cannot be decoded \({len(content)} b"
    ):
        read_picture(content, "a", 96)

"""An image as it would be with some changes: its layers with one more on top, its settings, judged as any image is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from hullmark.app.check import CheckOptions, judge_by
from hullmark.app.foundation import Foundation
from hullmark.app.update_files import FetchedUpdates
from hullmark.maintenance.remedy.flatten import COPY, WHOLE, copy_config, flatten_layers, settings_of, without
from hullmark.maintenance.remedy.instructions import Instruction, dockerfile_of, instructions_of
from hullmark.maintenance.remedy.stack import LayerStack
from hullmark.model.image import HistoryEntry, ImageConfig
from hullmark.model.remedy import Change
from hullmark.model.verdict import Verdict
from hullmark.policy.dockerfile.applied import apply_instruction
from hullmark.policy.dockerfile.own import name_last_stage, own_dockerfile
from hullmark.policy.languages import AnyPolicy
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_records


class JudgingContext(msgspec.Struct, frozen=True, kw_only=True):
    """By what, when and with what an image is judged."""

    policy: AnyPolicy
    now: datetime
    resources: ScanResources
    options: CheckOptions


class VirtualImage:
    """Judges an image with one set of changes after another. Its layers are read once."""

    def __init__(
        self,
        foundation: Foundation,
        judging: JudgingContext,
        owned: Mapping[str, Sequence[str]],
        contents: FetchedUpdates,
    ) -> None:
        self._foundation = foundation
        self._judging = judging
        self._owned = owned
        self._contents = contents
        self._stack: LayerStack | None = None
        self._is_prepared = False

    def verdict(self, changes: Sequence[Change]) -> Verdict:
        """The verdict on the image with these changes. Raises HullmarkError where the image cannot be read."""
        instructions = instructions_of(changes, self._foundation.image.config)
        options, base = self._judging.options, self._foundation.change
        if options.dockerfile.strip():
            text = dockerfile_of(
                own_dockerfile(options.dockerfile, base.base if base is not None else ""), instructions
            )
            options = msgspec.structs.replace(options, dockerfile=text)

        def look(request: ScanRequest) -> ScanResult:
            return self._scan_with_changes(request, changes, instructions)

        return judge_by(look, self._judging.policy, self._judging.now, self._judging.resources, options).verdict

    def _scan_with_changes(
        self, request: ScanRequest, changes: Sequence[Change], instructions: Sequence[Instruction]
    ) -> ScanResult:
        # Each set is judged by the same policy, so each time the same is asked of the layers.
        if self._stack is None:
            self._stack = LayerStack(self._foundation.records(request))
        if not self._is_prepared and any(change.updates for change in changes):
            self._contents.look_for(request, self._stack)
            self._is_prepared = True
        records = list(self._stack.records)
        top = self._stack.layer(changes, self._owned, self._contents)
        if top is not None:
            records.append(top)
        copy = next((change for change in changes if change.kind == "copy"), None)
        if copy is not None:
            records = [flatten_layers(records)]
        image, created = self._foundation.image, self._judging.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if image.config is not None and (changes or self._foundation.change is not None):
            config = apply_instructions(image.config, instructions, created)
            image = msgspec.structs.replace(
                image, config=config if copy is None else copy_config(without(config, copy.unset), created)
            )
        return scan_records(image, records, request, self._judging.resources)


def dockerfile_for(text: str, base: Change | None, changes: Sequence[Change], config: ImageConfig | None) -> str:
    """A Dockerfile that makes changes: `text` is the one that the image was built by, or a line that names the image. Raises
    HullmarkError for another text."""
    own = own_dockerfile(text, base.base if base is not None else "")
    copy = next((change for change in changes if change.kind == "copy"), None)
    instructions = instructions_of(changes, config)
    if copy is None or config is None:
        return dockerfile_of(own, instructions)
    last = without(apply_instructions(config, instructions, ""), copy.unset)
    whole = dockerfile_of(
        name_last_stage(own, WHOLE),
        [instruction for instruction in instructions if instruction.keyword in ("RUN", "USER")],
    )
    return dockerfile_of(f"{whole}\nFROM scratch\n", (COPY, *settings_of(last)))


def apply_instructions(config: ImageConfig, instructions: Sequence[Instruction], created: str) -> ImageConfig:
    """An image's settings and history after some more instructions."""
    history = list(config.history)
    for instruction in instructions:
        if instruction.keyword != "RUN":
            config = apply_instruction(config, f"{instruction.keyword} {instruction.words}")
        history.append(
            HistoryEntry(created_by=instruction.created_by, created=created, empty_layer=instruction.keyword != "RUN")
        )
    return msgspec.structs.replace(config, history=tuple(history), created=created)

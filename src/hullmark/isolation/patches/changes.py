"""What differs between what a container is granted and what it should be, as the writers of patches ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from hullmark.model.isolation import HostPath, Isolation


@dataclass(frozen=True, slots=True)
class Changes:
    """Two states of a container's settings: as they are, and as they should be."""

    now: Isolation
    wanted: Isolation

    def has(self, setting: str) -> bool:
        """Whether a setting should be another one."""
        return bool(getattr(self.now, setting) != getattr(self.wanted, setting))

    @property
    def lost_paths(self) -> tuple[HostPath, ...]:
        """Paths of the host that should go."""
        return tuple(host_path for host_path in self.now.host_paths if host_path not in self.wanted.host_paths)

    @property
    def lost_devices(self) -> tuple[str, ...]:
        """Devices that should go."""
        return tuple(device for device in self.now.devices if device not in self.wanted.devices)

    @property
    def lost_capabilities(self) -> tuple[str, ...]:
        """Capabilities that should no longer be added."""
        return tuple(
            capability for capability in self.now.capabilities_added if capability not in self.wanted.capabilities_added
        )

"""The body of `POST /containers/create` → what the container would be granted, in the words of `docker inspect`.

What the body takes from elsewhere is looked up: volumes of a driver's options, volumes and namespaces of other containers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from hullmark.isolation.fields import Fields, InvalidWorkload
from hullmark.model.limit import Limit

_MOST_OTHERS = Limit(20, "other containers that a new one takes volumes or namespaces from", "refused")
_LONGEST_CHAIN = Limit(5, "containers that hand a namespace on to each other", "refused")
_OF_HOST_CONFIG = (
    *(
        "Privileged",
        "Binds",
        "Mounts",
        "CapAdd",
        "SecurityOpt",
        "PidMode",
        "IpcMode",
        "UsernsMode",
        "NetworkMode",
        "Devices",
    ),
    *("DeviceCgroupRules", "DeviceRequests", "VolumesFrom", "Runtime", "MaskedPaths", "ReadonlyPaths", "Capabilities"),
)
_MODES = ("PidMode", "IpcMode", "NetworkMode")
_DRIVER = "local"


class Engine(Protocol):
    """What is asked of dockerd. Each raises NetError; None: there is none of this name."""

    def info(self) -> Mapping[str, Any]:
        """How the engine is set up."""
        ...

    def image(self, name: str) -> Mapping[str, Any] | None:
        """An image by name, id or the beginning of an id."""
        ...

    def container(self, name: str) -> Mapping[str, Any] | None:
        """A container by name or id."""
        ...

    def volume(self, name: str) -> Mapping[str, Any] | None:
        """A volume by name."""
        ...


def wanted_container(body: Mapping[str, Any], image: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    """What `docker inspect` would say of the container that a body asks for. Raises InvalidWorkload, NetError.

    `image` is what the engine says of its image ({}: it has none).
    """
    asked = Fields(body, "the container")
    early = next((name for name in _OF_HOST_CONFIG if body.get(name)), "")
    if early:
        raise InvalidWorkload("the container", f"has {early} outside HostConfig, where old daemons would take it")
    given = asked.part("HostConfig")
    host: dict[str, Any] = {"Privileged": False, "SecurityOpt": [], "PidMode": "", "IpcMode": "", "NetworkMode": ""}
    host |= {name: value for name, value in given.data.items() if value is not None}
    for mode in _MODES:
        host[mode] = _mode(given.text(mode), mode, engine)
    user = asked.text("User") or Fields(image, "the image").part("Config").text("User")
    return {
        "Config": {"Image": asked.text("Image"), "User": user},
        "HostConfig": host,
        "Mounts": list(_mounts(given, engine)),
        "AppArmorProfile": _apparmor(given, engine),
    }


def granted_container(inspect: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    """The same as `docker inspect` says, with volumes as the paths of the host that they stand for. Raises InvalidWorkload, NetError."""
    container = Fields(inspect, "the container")
    mounts: list[dict[str, Any]] = []
    for mount in container.parts("Mounts"):
        if mount.text("Type") == "volume":
            mounts += _mount(mount.text("Name"), mount.text("Destination"), mount.flag("RW") is False, engine)
        else:
            mounts.append(dict(mount.data))
    host = dict(container.part("HostConfig").data)
    for mode in _MODES:
        host[mode] = _mode(container.part("HostConfig").text(mode), mode, engine)
    return {**inspect, "Mounts": mounts, "HostConfig": host}


def host_path_of_volume(driver: str, options: Mapping[str, Any]) -> str:
    """The path of the host that a volume stands for; "" for one that the engine keeps; the driver's name for one of another driver.

    Driver `local` hands its options to mount(2): `device` may be a folder, a disk or another host's share.
    """
    if driver not in ("", _DRIVER):
        return f"(driver {driver[:50]})"
    found = {name.casefold(): value for name, value in options.items()}
    kind, device = str(found.get("type") or ""), str(found.get("device") or "")
    return "" if kind == "tmpfs" or not (device or kind) else device or f"({kind[:50]})"


def _mounts(host: Fields, engine: Engine) -> Iterator[dict[str, Any]]:
    for bind in host.texts("Binds"):
        source, _, rest = bind.partition(":")
        target, _, options = rest.partition(":")
        yield from _mount(source, target or source, "ro" in options.split(","), engine)
    for mount in host.parts("Mounts"):
        yield from _long_mount(mount, engine)
    others = host.texts("VolumesFrom")
    if len(others) > _MOST_OTHERS:
        raise InvalidWorkload("VolumesFrom", f"names more than {_MOST_OTHERS} containers")
    for name in others:
        other = engine.container(name.partition(":")[0])
        if other is None:
            raise InvalidWorkload("VolumesFrom", f"names {name[:50]!r}, which is not there")
        for mount in Fields(other, "the other container").parts("Mounts"):
            source = mount.text("Name") or mount.text("Source")
            yield from _mount(source, mount.text("Destination"), mount.flag("RW") is False, engine)


def _mount(source: str, target: str, is_read_only: bool, engine: Engine) -> Iterator[dict[str, Any]]:
    """A path of the host, or the name of a volume, which may stand for one."""
    if not source or source.startswith("/"):
        yield {"Type": "bind" if source else "volume", "Source": source, "Destination": target, "RW": not is_read_only}
        return
    volume = Fields(engine.volume(source) or {}, "the volume")
    path = host_path_of_volume(volume.text("Driver"), volume.part("Options").data)
    yield {"Type": "bind" if path else "volume", "Source": path, "Destination": target, "RW": not is_read_only}


def _long_mount(mount: Fields, engine: Engine) -> Iterator[dict[str, Any]]:
    kind, source, target = mount.text("Type"), mount.text("Source"), mount.text("Target")
    is_read_only = mount.flag("ReadOnly") or False
    if kind == "tmpfs":
        return
    if kind == "volume":
        driver = mount.part("VolumeOptions").part("DriverConfig")
        path = host_path_of_volume(driver.text("Name"), driver.part("Options").data)
        if not path:
            yield from _mount(source, target, is_read_only, engine)
            return
        source = path
    yield {"Type": "bind", "Source": source, "Destination": target, "RW": not is_read_only}


def _mode(text: str, mode: str, engine: Engine) -> str:
    """A namespace's mode; that of another container where it is taken over from one."""
    for _ in range(_LONGEST_CHAIN):
        kind, _, name = text.partition(":")
        if kind != "container":
            return text
        other = engine.container(name)
        if other is None:
            raise InvalidWorkload(mode, f"names {name[:50]!r}, which is not there")
        text = Fields(other, "the other container").part("HostConfig").text(mode)
    raise InvalidWorkload(mode, "is handed on by too many containers")


def _apparmor(host: Fields, engine: Engine) -> str:
    """The engine's own profile, where the kernel has AppArmor and nothing else is asked for."""
    own = [option for option in host.texts("SecurityOpt") if option.lower().startswith("apparmor")]
    options = engine.info().get("SecurityOptions") or ()
    has_apparmor = any(isinstance(option, str) and option.startswith("name=apparmor") for option in options)
    if not has_apparmor or host.flag("Privileged"):
        return ""
    return own[-1].replace(":", "=").partition("=")[2] if own else "docker-default"

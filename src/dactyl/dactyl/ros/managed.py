"""Nodes of devices, managed by ROS's lifecycle: a lab may open and close the device while the rest of the graph runs.

`ros2 lifecycle set /dactyl/camera deactivate` closes it, `activate` opens it again. With the parameter `autostart`, the
default, the node takes the first steps by itself at its start, so that a launch is one command.
"""

from __future__ import annotations

from collections.abc import Callable

from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn

from dactyl.errors import DactylError
from dactyl.ros.node import DactylNode, Diagnosis

INACTIVE = Diagnosis("not active: ros2 lifecycle set … activate")
UNCONFIGURED = Diagnosis("not configured: ros2 lifecycle set … configure")


class ManagedNode(LifecycleNodeMixin, DactylNode):
    """A node that is configured between `prepare` and `release`, and active between `start` and `stop`.

    Its parameters are checked in its constructor all the same.
    """

    def __init__(self, name: str) -> None:
        DactylNode.__init__(self, name)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=True)
        self.prepared = self.active = False

    def begin(self, active: bool) -> None:
        """To be called at the end of a constructor.

        Raises:
            DactylError: it cannot become active.
        """
        if active:
            self.prepare()
            self.start()
            self.prepared = self.active = True
            self.trigger_configure()
            self.trigger_activate()

    def begin_inactive(self) -> None:
        """To be called in a constructor: be configured and no more.

        Raises:
            DactylError: it cannot be.
        """
        self.prepare()
        self.prepared = True
        self.trigger_configure()

    def prepare(self) -> None:
        """Take what it needs before it may be active; DactylError where that cannot be had."""

    def release(self) -> None:
        """Let go of that; also when it has nothing."""

    def start(self) -> None:
        """Open what is to be open; DactylError where that cannot be."""

    def stop(self) -> None:
        """Close it; also when nothing is open."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        if not self.prepared and not self._done("configured", self.prepare):
            return TransitionCallbackReturn.FAILURE
        self.prepared = True
        return super().on_configure(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._let_go()
        return super().on_cleanup(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if not self.active and not self._done("activated", self.start):
            return TransitionCallbackReturn.FAILURE
        self.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._close()
        return super().on_deactivate(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._let_go()
        return super().on_shutdown(state)

    def _done(self, what: str, step: Callable[[], None]) -> bool:
        """Take a step of a transition; False: it could not be, as was said in one line."""
        try:
            step()
        except DactylError as error:
            self.get_logger().error(f"not {what}: {error}")
            return False
        except Exception as error:  # rclpy would swallow it
            self.fail(error)
            return False
        return True

    def _close(self) -> None:
        self.active = False
        self.stop()

    def _let_go(self) -> None:
        self._close()
        self.prepared = False
        self.release()

    def destroy_node(self) -> None:
        self._let_go()
        super().destroy_node()

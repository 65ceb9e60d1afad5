"""Nodes of devices, managed by ROS's lifecycle: a lab may open and close the device while the rest of the graph runs.

`ros2 lifecycle set /dactyl/camera deactivate` closes it, `activate` opens it again. With the parameter `autostart`, the
default, the node takes the first steps by itself at its start, so that a launch is one command.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lifecycle_msgs.srv import ChangeState
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
        service: Any = self._service_change_state
        service.callback = partial(self._change_state, service.callback)

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
        return self._step("configured", self._prepare)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._step("cleaned up", self._let_go)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._step("activated", self._open)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._step("deactivated", self._close)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._step("shut down", self._let_go)

    def check_overrides(self) -> None:
        """As of any node, once it has all its topics: when it is configured."""
        if self.prepared:
            super().check_overrides()

    def _change_state(
        self,
        change: Callable[[ChangeState.Request, ChangeState.Response], ChangeState.Response],
        request: ChangeState.Request,
        response: ChangeState.Response,
    ) -> ChangeState.Response:
        """What ROS does, but for a transition that the state does not have: rclpy's nodes end then (issue 1209)."""
        asked = request.transition
        if asked.label or asked.id in {number for number, *_ in self._state_machine.available_transitions}:
            return change(request, response)
        self.get_logger().warning(f"no transition {asked.id} from the state {self._state_machine.current_state[1]}")
        response.success = False
        return response

    def _step(self, what: str, step: Callable[[], None]) -> TransitionCallbackReturn:
        """Take a step of a transition; one line says why it cannot be. What is no DactylError ends the node."""
        try:
            step()
        except DactylError as error:
            self.get_logger().error(f"not {what}: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # rclpy would swallow it
            self.fail(error)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _prepare(self) -> None:
        if self.prepared:
            return
        self.prepare()
        self.prepared = True
        try:
            self.check_overrides()
        except DactylError:
            self._let_go()
            raise

    def _open(self) -> None:
        if not self.active:
            self.start()
            self.active = True

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

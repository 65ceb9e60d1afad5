"""The graph for ROS's `launch`. Needs `launch` and `launch_ros`, which a ROS installation has."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from dactyl import topics
from dactyl.bringup import processes
from dactyl.bringup.claim import claimed
from dactyl.bringup.graph import Graph, Node, exit_reason, with_parameters
from dactyl.bringup.options import option_descriptions, parse_option

_claims = ExitStack()
"""Held until this process, which `ros2 launch` makes for one description, ends."""


def to_launch(graph: Graph) -> list[Any]:
    """The graph as launch actions."""
    from launch.actions import EmitEvent, LogInfo, RegisterEventHandler, SetEnvironmentVariable
    from launch.event_handlers import OnProcessExit, OnProcessStart
    from launch.events import Shutdown

    actions: list[Any] = [SetEnvironmentVariable(name, value) for name, value in graph.environment.items()]
    if not processes.can_end_with_parent():
        actions.append(LogInfo(msg=f"{processes.STAYS_BEHIND}; so they do where it is ended by SIGTERM"))
    graph, publisher = _with_state_publisher(graph)
    actions += publisher
    for node in graph.processes:
        starts = processes.Starts(node)
        action = _process(node, graph)

        def end_with(event: Any, _: Any, node: Node = node, starts: processes.Starts = starts) -> list[Any]:
            reason = exit_reason(node, event.returncode) or starts.too_many(event.returncode)
            return [LogInfo(msg=f"{reason}: the run ends"), EmitEvent(event=Shutdown(reason=reason))] if reason else []

        def begin(*_: Any, starts: processes.Starts = starts) -> None:
            starts.began()

        actions += [
            RegisterEventHandler(OnProcessStart(target_action=action, on_start=begin)),
            RegisterEventHandler(OnProcessExit(target_action=action, on_exit=end_with)),
            action,
        ]
    return actions


def _process(node: Node, graph: Graph) -> Any:
    """The action that starts a node, or several that share a process."""
    from launch.actions import ExecuteProcess
    from launch_ros.actions import Node as LaunchNode

    how: dict[str, Any] = {
        "respawn": node.respawn and not node.required, "respawn_delay": node.respawn_delay,
        "output": "screen", "emulate_tty": True,
    }  # fmt: skip
    if node.members:
        return ExecuteProcess(cmd=processes.command(node, graph), name=node.name, **how)
    return LaunchNode(
        package="dactyl",
        executable=node.name,
        exec_name=node.name,
        name=node.name,
        namespace=graph.namespace,
        parameters=[graph.parameters(node)],
        remappings=list(node.remappings),
        prefix=_prefix(),
        **how,
    )


def _prefix() -> str | None:
    """What stands before a command: `launch` ended by SIGTERM or SIGKILL leaves behind what does not end with it."""
    return " ".join(processes.with_parent()) or None


def _with_state_publisher(graph: Graph) -> tuple[Graph, list[Any]]:
    """ROS's own publisher of the robot's links, where it is installed, in the place of ours."""
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    describing = [node for node in graph.nodes if node.name == "robot_description"]
    try:
        get_package_prefix("robot_state_publisher")
    except PackageNotFoundError:
        return graph, []
    if not describing:
        return graph, []
    from launch_ros.actions import Node as LaunchNode
    from launch_ros.parameter_descriptions import ParameterValue

    from dactyl.simulation.scene import SceneConfig, build
    from dactyl.simulation.urdf import Description, mesh_url

    robot = str(describing[0].parameters["robot"])
    text = Description(build(SceneConfig(robot=robot))).xml(mesh_url(robot))
    named = str(graph.parameters(describing[0]).get("joint_states", topics.JOINT_STATES))
    joint_states = dict(describing[0].remappings).get(named, named)
    action = LaunchNode(
        package="robot_state_publisher",
        executable="robot_state_publisher",
        exec_name="robot_state_publisher",
        namespace=graph.namespace,
        parameters=[{"robot_description": ParameterValue(text, value_type=str)}],
        # it tells the description too, which ours has told already
        remappings=[("joint_states", joint_states), ("robot_description", "robot_state_publisher/description")],
        output="screen",
        prefix=_prefix(),
    )
    ours = with_parameters(graph.nodes, {"robot_description": {"joint_transforms": False}})
    return dataclasses.replace(graph, nodes=tuple(ours)), [action]


def launch_description(options: type[Any], graph: Callable[[Any], Graph]) -> Any:
    """A launch description with an argument for each field of the options, made into a graph when it is launched."""
    from launch.actions import DeclareLaunchArgument, OpaqueFunction
    from launch.substitutions import LaunchConfiguration

    from launch import LaunchDescription  # type: ignore[attr-defined]  # mypy sees the folder launch/

    hints = typing.get_type_hints(options)
    descriptions = option_descriptions(options)
    arguments = []
    for item in dataclasses.fields(options):
        choices = ["true", "false"] if hints[item.name] is bool else list(map(str, typing.get_args(hints[item.name])))
        default = str(item.default).lower() if hints[item.name] is bool else str(item.default)
        arguments.append(
            DeclareLaunchArgument(
                item.name, default_value=default, description=descriptions[item.name], choices=choices or None
            )
        )

    def make(context: Any) -> list[Any]:
        given = {name: LaunchConfiguration(name).perform(context) for name in hints}
        chosen = {name: parse_option(name, text, hints[name]) for name, text in given.items()}
        made = graph(options(**chosen))
        _claims.enter_context(claimed(made))
        return to_launch(made)

    return LaunchDescription([*arguments, OpaqueFunction(function=make)])

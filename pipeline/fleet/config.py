"""The section `fleet` of a configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FleetConfig(BaseModel):
    """How cameras are spread over the nodes of a cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    folder: str = Field(
        default="runs/fleet", description="of the coordinator: its state, and its socket"
    )
    node_folder: str = Field(
        default="~/framelane/{node}",
        description="on each node: what relative paths start from, logs, models; {node} is "
        "replaced by the node's name",
    )
    headroom: float = Field(
        default=0.25,
        ge=0,
        lt=1,
        description="share of each node that is kept free for the cameras of a node that is lost",
    )
    camera_cores: float = Field(
        default=0.5, gt=0, description="what a camera is taken to cost until it is measured"
    )
    dead_after_seconds: float = Field(
        default=10.0, ge=1, description="of silence, after which other nodes take a node's cameras"
    )
    rebalance_above: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="share of a node by which the loads of two must differ before a camera moves",
    )

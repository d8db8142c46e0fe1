import torch

from facequal.procedural.identities import draw_identity
from facequal.procedural.pose import TEMPLATE_PX, head_frame, landmarks
from tests.procedural.planes import look_of, person_with


def test_a_face_without_pose_is_seen_from_the_front() -> None:
    """At rest the similarity alone is left: u grows to the right by equal steps, and v is looked up where it is."""
    look = {name: torch.zeros_like(value) for name, value in look_of(0).items()}
    frame = head_frame(person_with(), look, 32)
    steps = frame.u.diff(dim=2)
    torch.testing.assert_close(steps, steps[:, :1, :1].expand_as(steps), atol=1e-4, rtol=0)
    torch.testing.assert_close(frame.u, frame.u[:1].expand_as(frame.u))


def test_a_turned_head_shows_more_of_one_cheek() -> None:
    look = look_of(0, 2)
    look["yaw"] = torch.tensor([-0.3, 0.3]).view(2, 1, 1)
    look["roll_error"] = look["scale_error"] = look["shift_x"] = torch.zeros(2, 1, 1)
    frame = head_frame(person_with(), look, 32)
    assert (frame.u.diff(dim=2) > 0).all()  # nothing is folded
    left = (frame.u < 0).float().mean(dim=(1, 2))
    assert abs(float(left[0] + left[1]) - 1.0) < 0.1
    assert abs(float(left[0] - left[1])) > 0.01


def test_faces_are_aligned_to_the_template() -> None:
    """At the template's five points lie eyes, nose and mouth, up to the error of a detector."""
    errors = []
    for identity in range(0, 60, 5):
        person = draw_identity(identity, 0)
        frame = head_frame(person, look_of(identity, 8), 112)
        u, v = landmarks(person)
        for point, (x, y) in enumerate(TEMPLATE_PX):
            row, column = round(y), round(x)
            errors.append(torch.stack([frame.u[:, row, column] - u[point], frame.v[:, row, column] - v[point]], dim=1))
    error_px = torch.cat(errors).mul(56.0)
    assert error_px.norm(dim=1).mean() < 3.5
    assert error_px.mean(dim=0).abs().max() < 1.0

"""The 3D student: networks, semi-supervised methods and the stage that trains them."""

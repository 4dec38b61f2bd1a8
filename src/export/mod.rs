//! How a result leaves and looks: drawings of cells, foreign text forms.

/** The formats of `status` that have a name. */
export const FORMATS = ["waybar", "tmux", "polybar", "i3blocks"] as const;

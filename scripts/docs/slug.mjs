// The anchor of a heading, as GitHub makes it: the site uses the same, so that a link holds in both.

/** @param {string} heading text, without Markdown's marks */
export function slug(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

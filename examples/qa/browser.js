// Shows what has changed, without a reload. An event is HTML: posts, which are added unless they are there, and in
// them the parts that change, which take the place of what is shown.
const status = document.getElementById("live");
let source;

function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const post of template.content.querySelectorAll("article")) {
    if (document.getElementById(post.id)) continue;
    const place = document.getElementById(post.dataset.place);
    if (place) place[post.dataset.first === undefined ? "append" : "prepend"](post);
  }
  for (const part of template.content.querySelectorAll("[data-live]")) {
    const shown = document.getElementById(part.id);
    // What somebody has opened to write in is left alone.
    if (shown && !shown.open && shown.outerHTML !== part.outerHTML) shown.replaceWith(part);
  }
}

// A page in the background needs no stream, and a browser has only a few for each site. Whoever comes back is told
// everything anew.
function listen() {
  source?.close();
  source = undefined;
  if (document.hidden) return;
  source = new EventSource("/events");
  source.addEventListener("open", () => (status.textContent = "Live: this page changes by itself."));
  source.addEventListener("message", ({ data }) => show(data));
  source.addEventListener("error", () => {
    status.textContent = "The connection is lost. Trying again …";
    // The browser tries again by itself, unless it was answered with an error.
    if (source?.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

document.addEventListener("visibilitychange", listen);
listen();

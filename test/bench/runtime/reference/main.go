// The same controller as ../controller.ts, on controller-runtime: what `npm run bench -- runtime --reference` measures src/kube against.
// A finalizer by patch and three conditions by server-side apply for every object of one kind, 16 workers, no limits on the client. It
// prints `synced` when its cache is, and `idle` when every object that was there then has been reconciled.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

const (
	fieldManager = "runtime-bench"
	workers      = 16
)

var conditionTypes = []string{"Ready", "Available", "Progressing"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var gvk schema.GroupVersionKind
	flag.StringVar(&gvk.Group, "group", "", "")
	flag.StringVar(&gvk.Version, "version", "v1", "")
	flag.StringVar(&gvk.Kind, "kind", "", "")
	_ = flag.String("plural", "", "asked of the API server instead")
	flag.Parse() // also --kubeconfig, which controller-runtime adds; without it KUBECONFIG counts

	ctrl.SetLogger(logr.Discard())
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	config.QPS = -1 // no limit of the client's own
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(gvk, &Widget{})
	scheme.AddKnownTypeWithName(gvk.GroupVersion().WithKind(gvk.Kind+"List"), &WidgetList{})
	metav1.AddToGroupVersion(scheme, gvk.GroupVersion())
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache:   cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
	})
	if err != nil {
		return err
	}

	reconciler := &reconciler{
		client:    manager.GetClient(),
		gvk:       gvk,
		finalizer: gvk.Group + "/" + fieldManager,
		reached:   map[types.NamespacedName]struct{}{},
	}
	err = ctrl.NewControllerManagedBy(manager).
		For(&Widget{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(reconciler)
	if err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	go reconciler.announce(ctx, manager.GetCache())
	return manager.Start(ctx)
}

type reconciler struct {
	client    client.Client
	gvk       schema.GroupVersionKind
	finalizer string

	mutex sync.Mutex
	// Objects that have been reconciled once without an error; nil when `idle` has been said.
	reached map[types.NamespacedName]struct{}
	// How many the cache held when it was synced; undefined before `counted`.
	expected int
	counted  bool
}

// announce says `synced`, with as many objects as the cache holds then.
func (r *reconciler) announce(ctx context.Context, objects cache.Cache) {
	if _, err := objects.GetInformer(ctx, &Widget{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	if !objects.WaitForCacheSync(ctx) {
		return
	}
	var list WidgetList
	if err := objects.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println("synced", len(list.Items))
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.expected, r.counted = len(list.Items), true
	r.sayWhenIdle()
}

func (r *reconciler) markReached(name types.NamespacedName) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.reached == nil {
		return
	}
	r.reached[name] = struct{}{}
	r.sayWhenIdle()
}

// The mutex is held.
func (r *reconciler) sayWhenIdle() {
	if r.counted && r.reached != nil && len(r.reached) >= r.expected {
		fmt.Println("idle")
		r.reached = nil
	}
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	err := client.IgnoreNotFound(r.reconcileObject(ctx, request.NamespacedName))
	if err == nil {
		r.markReached(request.NamespacedName)
	} else {
		fmt.Fprintln(os.Stderr, request, err)
	}
	return ctrl.Result{}, err
}

func (r *reconciler) reconcileObject(ctx context.Context, name types.NamespacedName) error {
	widget := &Widget{}
	if err := r.client.Get(ctx, name, widget); err != nil {
		return err
	}
	if !widget.DeletionTimestamp.IsZero() {
		return r.patchFinalizers(ctx, widget, controllerutil.RemoveFinalizer)
	}
	if err := r.patchFinalizers(ctx, widget, controllerutil.AddFinalizer); err != nil {
		return err
	}
	if r.isCurrent(widget) {
		return nil
	}
	conditions := make([]any, 0, len(conditionTypes))
	for _, conditionType := range conditionTypes {
		conditions = append(conditions, map[string]any{
			"type":               conditionType,
			"status":             "True",
			"reason":             "Reconciled",
			"message":            fmt.Sprintf("generation %d is as it should be", widget.Generation),
			"lastTransitionTime": "2026-01-01T00:00:00Z",
			"observedGeneration": widget.Generation,
		})
	}
	status := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": widget.Namespace, "name": widget.Name, "uid": string(widget.UID)},
		"status":   map[string]any{"conditions": conditions},
	}}
	status.SetGroupVersionKind(r.gvk)
	return r.client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(status),
		client.FieldOwner(fieldManager), client.ForceOwnership)
}

// patchFinalizers patches exactly the version that was read, if `change` changes it; then the object is the newest state.
func (r *reconciler) patchFinalizers(ctx context.Context, widget *Widget, change func(client.Object, string) bool) error {
	before := widget.deepCopy()
	if !change(widget, r.finalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	return r.client.Patch(ctx, widget, patch, client.FieldOwner(fieldManager))
}

func (r *reconciler) isCurrent(widget *Widget) bool {
	return !slices.ContainsFunc(conditionTypes, func(conditionType string) bool {
		return !slices.ContainsFunc(widget.Status.Conditions, func(condition metav1.Condition) bool {
			return condition.Type == conditionType && condition.ObservedGeneration == widget.Generation
		})
	})
}

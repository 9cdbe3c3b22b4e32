package main

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Widget is the kind of ../widgets.ts.
type Widget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              WidgetSpec   `json:"spec,omitempty"`
	Status            WidgetStatus `json:"status,omitempty"`
}

type WidgetSpec struct {
	Revision    int               `json:"revision"`
	Description string            `json:"description,omitempty"`
	Parameters  map[string]string `json:"parameters,omitempty"`
}

type WidgetStatus struct {
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

type WidgetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Widget `json:"items"`
}

func (w *Widget) deepCopy() *Widget {
	return &Widget{
		TypeMeta:   w.TypeMeta,
		ObjectMeta: *w.ObjectMeta.DeepCopy(),
		Spec: WidgetSpec{
			Revision:    w.Spec.Revision,
			Description: w.Spec.Description,
			Parameters:  maps.Clone(w.Spec.Parameters),
		},
		Status: WidgetStatus{Conditions: slices.Clone(w.Status.Conditions)},
	}
}

func (w *Widget) DeepCopyObject() runtime.Object { return w.deepCopy() }

func (l *WidgetList) DeepCopyObject() runtime.Object {
	items := make([]Widget, len(l.Items))
	for i := range l.Items {
		items[i] = *l.Items[i].deepCopy()
	}
	return &WidgetList{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy(), Items: items}
}
